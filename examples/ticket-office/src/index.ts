/** The ticket office as a program: `dist/main.js` beside this file. What others may read is its report. */
export type { OfficeReport } from './report/report.ts';
