/** The live view in a real terminal: tmux interprets what we write, and the test reads its screen. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { checkGolden } from './support.ts';

const here = dirname(fileURLToPath(import.meta.url));
const skip = spawnSync('tmux', ['-V']).status === 0 ? false : 'tmux is not installed';

/** A tmux server of its own, with one window that runs the demo. */
class Terminal {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tsbuild-tmux-'));

  constructor(columns: number, rows: number) {
    const command = `cd ${here} && echo before && stty -echo && ${process.execPath} --import tsx play-demo.ts; stty echo; echo after; cat`;
    this.tmux('-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', String(rows), 'sh', '-c', command);
  }

  tmux(...words: readonly string[]): string {
    return execFileSync('tmux', ['-S', join(this.#folder, 'socket'), ...words], { encoding: 'utf8' });
  }

  screen(): string {
    return this.tmux('capture-pane', '-p').trimEnd();
  }

  /** Waits until the screen shows it; the terminal is another process, so there is nothing to await but the clock. */
  async until(pattern: RegExp): Promise<string> {
    for (const endMs = Date.now() + 20_000; ;) {
      const screen = this.screen();
      if (pattern.test(screen)) return screen;
      if (Date.now() > endMs) assert.match(screen, pattern);
      await wait(30);
    }
  }

  close(): void {
    this.tmux('kill-server');
    rmSync(this.#folder, { recursive: true });
  }
}

function headers(screen: string): number {
  return screen.split('\n').filter((line) => line.startsWith('[+] Building')).length;
}

test('the live view is drawn over itself and leaves the terminal as it was', { skip }, async (t) => {
  const terminal = new Terminal(80, 24);
  t.after(() => { terminal.close(); });
  checkGolden('terminal-1-running', `${await terminal.until(/added 210 packages/)}\n`);
  terminal.tmux('send-keys', 'Enter');
  const hostile = await terminal.until(/harmless/);
  assert.match(hostile, /^before\n/);
  assert.equal(headers(hostile), 1);
  assert.notEqual(terminal.tmux('display-message', '-p', '#{pane_title}').trim(), 'pwned');
  terminal.tmux('send-keys', 'Enter');
  checkGolden('terminal-2-end', `${await terminal.until(/after/)}\n`);
  assert.equal(terminal.tmux('display-message', '-p', '#{cursor_flag} #{wrap_flag}').trim(), '1 1');
});

test('the live view survives that the terminal becomes narrower and wider', { skip }, async (t) => {
  const terminal = new Terminal(100, 24);
  t.after(() => { terminal.close(); });
  await terminal.until(/added 210 packages/);
  terminal.tmux('resize-window', '-x', '60', '-y', '24');
  // Where the rest of the broken lines goes is the terminal's business; on the screen is one frame that fits.
  const narrow = await terminal.until(/Building 3\.6s/);
  assert.equal(headers(narrow), 1, narrow);
  assert.match(narrow, /^ => \[web 2\/3\] RUN npm ci +1\.4s$/m);
  terminal.tmux('resize-window', '-x', '120', '-y', '24');
  await terminal.until(/Building 3\.7s/);
  terminal.tmux('send-keys', 'Enter');
  await terminal.until(/harmless/);
  terminal.tmux('send-keys', 'Enter');
  const wide = await terminal.until(/after/);
  assert.equal(headers(wide), 1, wide);
  assert.equal(wide.split('\n').filter((line) => line.includes('RUN make')).length, 2, wide);
});

test('the live view survives that the terminal becomes lower', { skip }, async (t) => {
  const terminal = new Terminal(80, 24);
  t.after(() => { terminal.close(); });
  await terminal.until(/added 210 packages/);
  terminal.tmux('resize-window', '-x', '80', '-y', '8');
  const low = await terminal.until(/Building 3\.6s/);
  assert.equal(headers(low), 1, low);
  assert.match(low, /^\[\+\] Building/);
  terminal.tmux('send-keys', 'Enter');
  terminal.tmux('send-keys', 'Enter');
  assert.equal(headers(await terminal.until(/after/)), 0, 'the end is higher than the terminal');
});
