/**
 * One line of comma-separated values by the rules of Go's encoding/csv, which RUN's --mount and --device are written in.
 * Start at `parseCsvFields`.
 */
import { reject } from './rejection.ts';

/**
 * A field is quoted if it starts with `"`; inside, `""` is a quote. Quotes elsewhere are an error.
 * @throws TsbuildError `CSV`
 */
export function parseCsvFields(text: string, what: string): readonly string[] {
  const line = text.replace(/\r?\n$/, '');
  if (line === '') reject('CSV', `${what}: the value is empty`, { hint: 'Remove the flag, or give it fields.' });
  const fields: string[] = [];
  for (let at = 0; ;) {
    const { value, end } = line[at] === '"' ? readQuoted(line, at, what) : readBare(line, at, what);
    fields.push(value);
    if (end >= line.length) return fields;
    at = end + 1;
  }
}

interface Field {
  readonly value: string;
  readonly end: number;
}

function readBare(line: string, start: number, what: string): Field {
  const comma = line.indexOf(',', start);
  const end = comma < 0 ? line.length : comma;
  const value = line.slice(start, end);
  if (value.includes('"')) reject('CSV', `${what}: bare " in non-quoted field ${value}`, { hint: 'Put the whole field into quotes: "source=a,b".' });
  return { value, end };
}

/** No regular expression: on a value of megabytes its stack would overflow. */
function readQuoted(line: string, start: number, what: string): Field {
  let close = line.indexOf('"', start + 1);
  while (close >= 0 && line[close + 1] === '"') close = line.indexOf('"', close + 2);
  const end = close + 1;
  if (close < 0 || (end < line.length && line[end] !== ',')) {
    reject('CSV', `${what}: extraneous or missing " in quoted field`, { hint: 'A quote inside quotes is written "".' });
  }
  return { value: line.slice(start + 1, close).replaceAll('""', '"'), end };
}
