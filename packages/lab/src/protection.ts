/** Says how the parties of a lab or a bench are protected; for people. */
export function describeProtection(insecure: boolean): string {
  return insecure
    ? 'none: plain text and unsigned records, as --insecure says'
    : 'TLS with certificates at both ends, signed records; all keys end with the lab';
}
