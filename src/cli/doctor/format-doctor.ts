/** Prints what `tsbuild doctor` found: a table for people, JSON for programs. Pure. */
import type { DoctorReport, Finding } from '../../build/doctor/judge.ts';
import { formatTable } from '../tables.ts';
import { showControls } from '../text/sanitize.ts';

const signs: Readonly<Record<Finding['verdict'], string>> = { ok: 'ok', limited: 'limited', missing: 'MISSING' };

/** What a build would use, each finding in a line, then hints and promises that are not kept. */
export function formatDoctor(report: DoctorReport): string {
  const rows = report.findings.map(({ title, verdict, text }) => [title, signs[verdict], text]);
  const hints = report.findings.flatMap(({ title, hint }) => (hint === undefined ? [] : [`  ${showControls(title)}: ${showControls(hint)}\n`]));
  return [
    `${summarise(report)}\n\n`,
    formatTable([['WHAT', 'STATE', 'FOUND'], ...rows]),
    ...section('To get what is missing:', hints),
    ...section('Not kept here (see SECURITY.md):', report.unkept.map((promise) => `  - ${promise}\n`)),
  ].join('');
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`\n${title}\n`, ...lines];
}

function summarise({ ok, isolation, snapshots, network }: DoctorReport): string {
  if (isolation === null) return 'RUN does not work here.';
  const parts = [`RUN is isolated by ${isolation}`, snapshots === 'overlay' ? 'layers are stacked by overlayfs' : 'each step works on a copy', network === 'own' ? 'with a network of its own' : 'with a shared network'];
  return `${ok ? 'Builds work here' : 'Builds do not work here yet'}: ${parts.join(', ')}.`;
}

/** The report as it is; the README lists the fields. */
export function formatDoctorJson(report: DoctorReport): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
