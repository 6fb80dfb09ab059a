import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Terminal } from './terminal.ts';

function write(isTTY: boolean, env: NodeJS.ProcessEnv, use: (terminal: Terminal) => void): string {
  let written = '';
  const output = { isTTY, write: (text: string) => (written += text) };
  use(new Terminal(output, env));
  return written;
}

const tell = (terminal: Terminal): void => {
  terminal.heading('Herald');
  terminal.progress('nodes', '1 of 2', false);
  terminal.progress('nodes', '2 of 2', true);
  terminal.row('leader', terminal.tone('elector-1', 'good'));
  terminal.row('', 'epoch 5');
};

test('to a file go plain words, and of progress only its end', () => {
  assert.equal(
    write(false, {}, tell),
    [
      '',
      'Herald',
      '   nodes                  2 of 2',
      '   leader                 elector-1',
      '                          epoch 5',
      '',
    ].join('\n'),
  );
});

test('a terminal redraws progress in place and has colour', () => {
  const written = write(true, {}, tell);
  const clear = '\r\u001b[2K';
  const label = '\u001b[2mnodes                 \u001b[22m';
  assert.ok(written.includes(`${clear}   ${label} 1 of 2${clear}   ${label} 2 of 2\n`));
  assert.ok(written.includes('\u001b[32melector-1\u001b[39m'));
});

test('progress that was not finished stays on a line of its own', () => {
  const written = write(true, { NO_COLOR: '1' }, (terminal) => {
    terminal.progress('nodes', '1 of 2', false);
    terminal.row('leader', 'none');
  });
  assert.equal(
    written,
    '\r\u001b[2K   nodes                  1 of 2\n   leader                 none\n',
  );
});

test('NO_COLOR and a dumb terminal get no escape sequences for colour', () => {
  assert.ok(!write(true, { NO_COLOR: '1' }, tell).includes('\u001b[3'));
  assert.ok(!write(true, { TERM: 'dumb' }, tell).includes('\u001b'));
});
