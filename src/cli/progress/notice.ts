/** How a notice about the whole build is written, in every renderer for people. */
import type { BuildEvent } from '../../base/events.ts';
import { showControls } from '../text/sanitize.ts';

/** `WARNING: text (CODE, Dockerfile:3)`, on one line. */
export function formatNotice(notice: Extract<BuildEvent, { type: 'notice' }>): string {
  const { position } = notice;
  const place = position === undefined ? '' : `, ${showControls(position.file)}:${position.startLine}`;
  return `${notice.level === 'warning' ? 'WARNING' : 'NOTE'}: ${showControls(notice.text)} (${notice.code}${place})`;
}
