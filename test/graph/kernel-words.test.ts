/** What no kernel takes is refused by the plan, at its line. */
import { test } from 'node:test';
import { nameSizeBytesMax } from '../../src/graph/kernel-words.ts';
import { graphOf, refused } from './support.ts';

test('a NUL character in a command or a path is refused before anything is done', () => {
  for (const line of ['RUN echo a\0b', 'RUN ["echo", "a\\u0000b"]', 'WORKDIR /a\0b', 'COPY x /a\0b', 'ADD x a\0b/', 'RUN --mount=type=tmpfs,target=/a\0b x', 'RUN --mount=type=secret,id=a,target=/a\0 x']) {
    refused(`FROM a\n\n${line}`, 'NUL_CHARACTER', [3, 3], { message: /^(RUN|WORKDIR|COPY|ADD): (a path|the command) has a NUL character/ });
  }
  refused('FROM a\nCOPY <<a\0b /d/\nx\na\0b\n', 'NUL_CHARACTER', [2, 4]);
  refused('FROM a\nRUN <<a\0b\n#!/bin/sh\na\0b\n', 'NUL_CHARACTER', [2, 4]);
  refused('FROM a\nSHELL ["/bin/sh\\u0000", "-c"]\nRUN x', 'NUL_CHARACTER', [3, 3]);
  refused('FROM a\nRUN x', 'NUL_CHARACTER', [2, 2], { bases: { a: { config: { WorkingDir: '/a\0b' } } } });
  // The image may say it; only a step cannot have it.
  graphOf('FROM a\nENV A=a\0b\nLABEL l=a\0b\nVOLUME /a\0b\nCMD a\0b\nUSER a\0b\n');
});

test('a name that is too long for a file is refused by its bytes', () => {
  const longest = 'x'.repeat(nameSizeBytesMax);
  graphOf(`FROM a\nWORKDIR /${longest}/${longest}\nCOPY x /${longest}/\nCOPY <<${longest} /d/\ny\n${longest}\nRUN --mount=type=cache,target=/${longest} z`);
  for (const line of [`WORKDIR /a/${longest}x/b`, `COPY x /${longest}x`, `COPY x /${'é'.repeat(128)}`, `RUN --mount=type=tmpfs,target=/${longest}x x`]) {
    refused(`FROM a\n${line}`, 'NAME_TOO_LONG', [2, 2], { message: /^[A-Z]+: ".{40}…" is a name of 256 bytes, and a file's has at most 255$/u });
  }
  refused(`FROM a\nCOPY <<${longest}x /d/\ny\n${longest}x\n`, 'NAME_TOO_LONG', [2, 4]);
});
