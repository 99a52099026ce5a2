/**
 * Lays the live view out: from what is known to lines that fit the terminal. Pure; the look is BuildKit's.
 * Start at `layoutFrame`.
 */
import { expandTabs, justify, truncate } from '../text/width.ts';
import { formatBytes, formatSeconds } from '../text/units.ts';
import type { StepColors } from './step-colors.ts';
import { tailOf, type StepState, type StepView, type TransferView, type TtyModel } from './tty-model.ts';

export interface FrameSettings {
  readonly columns: number;
  readonly rows: number;
  readonly nowMs: number;
  readonly colors: StepColors;
  /** The last frame: everything is shown, however high it gets, and no output. */
  readonly final: boolean;
}

/** Some finished steps stay in view, however much the running ones have to say. */
const finishedLinesMin = 3;

/** The lines of a frame, each narrower than the terminal, together lower than it unless the frame is final. */
export function layoutFrame(model: TtyModel, settings: FrameSettings): string[] {
  const steps = [...model.steps.values()];
  const blocks = settings.final ? steps.map((step) => [stepLine(step, settings), ...noteLines(step, settings)]) : chooseBlocks(steps, model.notices.length > 0 ? 1 : 0, settings);
  return [headerLine(model, settings), ...blocks.flat(), ...noticeLines(model, settings)];
}

function headerLine(model: TtyModel, { nowMs, columns, final }: FrameSettings): string {
  const elapsed = formatSeconds((model.endMs ?? nowMs) - (model.startMs ?? nowMs));
  return truncate(`[+] Building ${elapsed} (${model.finishedCount}/${model.stepCount})${final ? endWord(model) : ''}`, columns - 1);
}

function endWord(model: TtyModel): string {
  if ([...model.steps.values()].some((step) => step.state === 'failed')) return ' FAILED';
  return model.endMs === null ? '' : ' FINISHED';
}

// Running steps come first in the claim for room, then their details, then finished steps, newest first.
function chooseBlocks(steps: readonly StepView[], noticeCount: number, settings: FrameSettings): string[][] {
  const room = Math.max(1, settings.rows - 2 - noticeCount);
  const running = steps.filter((step) => step.state === 'running').slice(-room);
  const finished = steps.filter((step) => step.state !== 'running');
  const detailRoom = room - running.length - Math.min(finished.length, finishedLinesMin);
  const details = chooseDetails(running, detailRoom, settings);
  const used = running.length + [...details.values()].reduce((sum, lines) => sum + lines.length, 0);
  const shown = new Set([...running, ...finished.slice(Math.max(0, finished.length - (room - used)))]);
  return steps.filter((step) => shown.has(step)).map((step) => [stepLine(step, settings), ...(details.get(step) ?? [])]);
}

function chooseDetails(running: readonly StepView[], room: number, settings: FrameSettings): Map<StepView, string[]> {
  const details = new Map<StepView, string[]>();
  let left = room;
  for (const step of running.toSorted((a, b) => b.activeMs - a.activeMs)) {
    if (left <= 0) break;
    const lines = [...noteLines(step, settings), ...transferLines(step, settings), ...outputLines(step, settings)].slice(-left);
    details.set(step, lines);
    left -= lines.length;
  }
  return details;
}

const labels: Readonly<Record<StepState, string>> = { running: '', done: '', cached: 'CACHED ', failed: 'ERROR ', canceled: 'CANCELED ' };

function stepLine(step: StepView, { columns, nowMs, colors }: FrameSettings): string {
  const durationMs = step.state === 'running' ? nowMs - step.startMs : step.durationMs;
  const line = justify(` => ${labels[step.state]}${expandTabs(step.name)}`, formatSeconds(durationMs), columns - 1);
  if (step.state === 'running') return line;
  if (step.state === 'failed') return colors.error(line);
  return step.state === 'canceled' ? colors.cancel(line) : colors.run(line);
}

function noteLines(step: StepView, { columns }: FrameSettings): string[] {
  return step.notes.map((note) => truncate(` => => ${expandTabs(note)}`, columns - 1));
}

function transferLines(step: StepView, settings: FrameSettings): string[] {
  return [...step.transfers.values()].map((transfer) => transferLine(transfer, settings));
}

function transferLine(transfer: TransferView, { columns, nowMs }: FrameSettings): string {
  const total = transfer.totalBytes === undefined ? '' : ` / ${formatBytes(transfer.totalBytes)}`;
  const rate = transfer.rate > 0 ? ` ${formatBytes(transfer.rate)}/s` : '';
  const amount = `${formatBytes(transfer.currentBytes)}${total}${rate}`;
  return justify(` => => ${transfer.item}`, `${amount} ${formatSeconds(nowMs - transfer.startMs)}`, columns - 1);
}

function outputLines(step: StepView, { columns, colors }: FrameSettings): string[] {
  return tailOf(step).map((line) => colors.dim(truncate(` => => # ${expandTabs(line)}`, columns - 1)));
}

// While the build runs, the latest notice; at the end, all of them in full length.
function noticeLines(model: TtyModel, { columns, colors, final }: FrameSettings): string[] {
  if (final) return model.notices.map((notice) => colors.warning(notice));
  return model.notices.slice(-1).map((notice) => colors.warning(truncate(expandTabs(notice), columns - 1)));
}
