// Which command a command line means, and the nearest one when it means none. Pure over the table.
import { editDistance } from './edit-distance.ts';
import { commandTable, topicTable, type CommandEntry } from './command-table.ts';

export type FoundCommand =
  | { readonly kind: 'command'; readonly entry: CommandEntry; readonly rest: readonly string[] }
  | { readonly kind: 'topic'; readonly topic: string }
  | { readonly kind: 'root' }
  | { readonly kind: 'unknown'; readonly words: string; readonly nearest: string | null };

/** The longest command that the leading words spell. */
export function findCommand(argv: readonly string[]): FoundCommand {
  const flagAt = argv.findIndex((word) => word.startsWith('-'));
  const words = flagAt === -1 ? argv : argv.slice(0, flagAt);
  if (words.length === 0) return { kind: 'root' };
  for (let count = Math.min(words.length, 3); count > 0; count -= 1) {
    const id = words.slice(0, count).join(' ');
    const entry = commandTable.find((candidate) => candidate.id === id);
    if (entry) return { kind: 'command', entry, rest: argv.slice(count) };
    if (Object.hasOwn(topicTable, id)) {
      if (words.length === count) return { kind: 'topic', topic: id };
      return unknown(words.slice(0, count + 1).join(' '));
    }
  }
  return unknown(words.slice(0, 2).join(' '), words[0]);
}

function unknown(words: string, first = words): FoundCommand {
  const candidates = [...commandTable.map(({ id }) => id), ...Object.keys(topicTable)];
  const distances = candidates.flatMap((id) => [
    { id, distance: editDistance(words, id) },
    { id, distance: editDistance(first, id) },
  ]);
  const best = distances.toSorted((a, b) => a.distance - b.distance)[0];
  const close = best !== undefined && best.distance <= Math.max(1, Math.floor(best.id.length / 3));
  return { kind: 'unknown', words: first, nearest: close ? best.id : null };
}
