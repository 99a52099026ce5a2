/**
 * RUN --device: a CDI device and whether it is required (BuildKit instructions/commands_rundevice.go).
 * It does not look for the device. Start at `readDevice`.
 */
import { parseCsvFields } from './csv.ts';
import { reject } from './rejection.ts';
import { suggestionHint } from './suggest.ts';
import { parseBool } from './values.ts';

/** A device that a RUN asks for. */
export interface Device {
  /** `vendor.com/class=name`; empty where only options were given. */
  readonly name: string;
  readonly required: boolean;
}

/** Reads one `--device` value. @throws TsbuildError `CSV`, `DEVICE_FIELD` */
export function readDevice(value: string): Device {
  let name = '';
  let required = false;
  for (const field of parseCsvFields(value, 'invalid --device')) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const text = equals < 0 ? undefined : field.slice(equals + 1);
    if (key === 'required') required = text === undefined ? true : readRequired(text);
    else if (key === 'name' && text !== undefined) name = name === '' ? text : rejectField(`device name already set to ${name}`);
    else if (name === '') name = field;
    else rejectField(`unexpected key '${key}' in '${field}'`, suggestionHint(key, ['name', 'required']) ?? 'Write vendor.com/class=name, and ,required behind it.');
  }
  return { name, required };
}

function readRequired(text: string): boolean {
  return parseBool(text) ?? rejectField(`invalid value for required: ${text}`);
}

function rejectField(message: string, hint?: string): never {
  reject('DEVICE_FIELD', message, { hint });
}
