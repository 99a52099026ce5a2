/**
 * Names that are meant to fool a reader, a terminal or a path: in each place of a Dockerfile they end in an error that names
 * the line, or are taken as BuildKit takes them. The golden says which; whatever is shown of them is harmless for a terminal.
 */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { renderError } from '../../src/cli/render-error.ts';
import { formatCheck } from '../../src/cli/call/check-text.ts';
import { formatOutline } from '../../src/cli/call/outline.ts';
import { formatTargets } from '../../src/cli/call/targets.ts';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import { outlineOf } from '../../src/graph/describe/outline.ts';
import { targetsOf } from '../../src/graph/describe/targets.ts';
import { createColors } from 'picocolors';
import { resultOf } from '../graph/check/support.ts';
import { graphOf, inputOf } from '../graph/support.ts';
import { checkGolden } from '../support/golden.ts';

/** What no output may hold, but for its own tabs and line ends. */
const dangerous = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

const names: Readonly<Record<string, string>> = {
  'escape sequence': 'a\x1b[2Jb', 'bell': 'a\x07', 'backspaces': 'evil\b\b\b\bgood', 'nul': 'a\0b', 'delete': 'a\x7f', 'C1 control': 'a\u009b2J', 'carriage return': 'a\rb',
  'right-to-left': 'a\u202etxt.exe', 'isolate': 'a\u2066b', 'line separator': 'a\u2028ERROR: b', 'no-break space': 'a\u00a0b', 'zero width': 'a\u200bb', 'lone surrogate': 'a\ud800b',
  'Cyrillic twin': '\u0430lpine', 'composed': '\u00e9', 'decomposed': 'e\u0301', 'full width': '\uff21', 'parent': '..', 'parents': '../../../etc/passwd', 'dots': '.', 'root': '/', 'slashes': '//a//b//',
  'prototype': '__proto__', 'dash': '-rf', 'long': 'l'.repeat(5000), 'tilde': '~root', 'colon': 'a:b:c', 'at': 'a@b', 'upper case': 'ABC', 'sharp s': '\u00df', 'Kelvin': '\u212aelvin', 'dotted I': '\u0130x',
};

/** A Dockerfile with the name in one place of it. */
const places: Readonly<Record<string, (name: string) => string>> = {
  'instruction': (name) => `FROM a\n${name} b\n`,
  'flag': (name) => `FROM a\nRUN --${name}=x y\n`,
  'base': (name) => `FROM ${name}\n`,
  'stage': (name) => `FROM scratch AS ${name}\n`,
  'platform': (name) => `FROM --platform=${name} a\n`,
  'from': (name) => `FROM scratch\nCOPY --from=${name} /a /b\n`,
  'ARG': (name) => `FROM a\nARG ${name}=1\nRUN x\n`,
  'ENV': (name) => `FROM a\nENV ${name}=1\nRUN x\n`,
  'LABEL': (name) => `FROM a\nLABEL ${name}=1\n`,
  'variable': (name) => `FROM a\nENV x=\${${name}}\n`,
  'source': (name) => `FROM a\nCOPY ${name} /x\n`,
  'destination': (name) => `FROM a\nCOPY x ${name}\n`,
  'owner': (name) => `FROM a\nCOPY --chown=${name} x /y\n`,
  'mode': (name) => `FROM a\nCOPY --chmod=${name} x /y\n`,
  'WORKDIR': (name) => `FROM a\nWORKDIR ${name}\nRUN x\n`,
  'USER': (name) => `FROM a\nUSER ${name}\nRUN x\n`,
  'VOLUME': (name) => `FROM a\nVOLUME ${name}\n`,
  'EXPOSE': (name) => `FROM a\nEXPOSE ${name}\n`,
  'STOPSIGNAL': (name) => `FROM a\nSTOPSIGNAL ${name}\n`,
  'mount target': (name) => `FROM a\nRUN --mount=type=cache,target=${name} x\n`,
  'mount key': (name) => `FROM a\nRUN --mount=${name}=x y\n`,
  'secret': (name) => `FROM a\nRUN --mount=type=secret,id=${name} x\n`,
  'here-document': (name) => `FROM a\nRUN <<${name}\nx\n${name}\n`,
  'directive': (name) => `# escape=${name}\nFROM a\n`,
};

/** What people see of the file beside an error. */
function shownOf(source: string): string {
  let check = '';
  try {
    const { findings, error, isStrict } = resultOf(source);
    check = formatCheck({ findings, error, isStrict, file: { name: 'Dockerfile', path: 'Dockerfile', text: source } }, createColors(false));
    return check + formatTargets(targetsOf(parseDockerfile(source, 'Dockerfile'))) + formatOutline(outlineOf({ ...inputOf(source), images: new Map() }));
  } catch (refusal) {
    assert.ok(refusal instanceof TsbuildError, String(refusal));
    return check;
  }
}

/** `taken`, or the code, the line and the message as the terminal gets it. */
function outcome(source: string): string {
  try {
    graphOf(source);
    return 'taken';
  } catch (error) {
    assert.ok(error instanceof TsbuildError && error.errorClass === 'usage', String(error));
    assert.equal(error.position?.file, 'Dockerfile', error.message);
    const text = renderError(error, { color: false, dockerfileText: source });
    assert.doesNotMatch(text, dangerous, JSON.stringify(source));
    assert.match(text, new RegExp(`^Dockerfile:${error.position.startLine}$`, 'm'));
    const message = /^ERROR: (.*) \([A-Z_0-9]+\)$/m.exec(text)?.[1] ?? '';
    return `${error.position.startLine} ${error.code}: ${message.length > 300 ? `${message.slice(0, 60)} … ${message.length} characters` : message}`;
  }
}

test('hostile names are refused at their line or taken, and are never obeyed by a terminal', () => {
  const blocks = Object.entries(places).map(([place, make]) => {
    const lines = Object.entries(names).map(([name, value]) => {
      const source = make(value);
      assert.doesNotMatch(shownOf(source), dangerous, JSON.stringify(source));
      return `  ${name}: ${outcome(source)}`;
    });
    return [place, ...lines].join('\n');
  });
  checkGolden('../../cli/golden/hostile-names', `${blocks.join('\n\n')}\n`);
});
