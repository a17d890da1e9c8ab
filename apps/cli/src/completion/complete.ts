// What may stand next on a command line: words of commands, their flags, values that are known. Pure but for loading the
// one command that is being typed; what depends on this machine is given.
import { commandTable, topicTable, type CommandEntry } from '../cli/command-table.ts';
import { findCommand } from '../cli/find-command.ts';

export interface Candidate {
  readonly word: string;
  readonly description: string;
}

export interface CompletionSources {
  serverNames(): Promise<readonly string[]>;
  environmentNames(): Promise<readonly string[]>;
  errorCodes(): Promise<readonly string[]>;
}

/** `words` follow `tako`; the last one is being typed, and may be empty. */
export async function completeWords(
  words: readonly string[],
  sources: CompletionSources,
): Promise<Candidate[]> {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  if (before.includes('--')) return [];
  const candidates = await candidatesAfter(before, typed, sources);
  return candidates.filter(({ word }) => word.startsWith(typed));
}

async function candidatesAfter(
  before: readonly string[],
  typed: string,
  sources: CompletionSources,
): Promise<Candidate[]> {
  const found = findCommand(before);
  if (found.kind === 'unknown') return [];
  if (found.kind !== 'command') return nextWords(found.kind === 'topic' ? found.topic.split(' ') : []);
  // Some commands are words of longer ones, too.
  const longer = typed.startsWith('-') ? [] : nextWords(found.entry.id.split(' '));
  if (found.rest.length === 0 && longer.length > 0) return longer;
  const flags = await flagsOf(found.entry);
  const last = found.rest.at(-1) === '=' ? found.rest.at(-2) : found.rest.at(-1);
  const flag = flags.find(({ names }) => last !== undefined && names.includes(last));
  if (flag !== undefined && flag.takesValue) return valuesOf(flag.name, sources);
  if (typed.startsWith('-')) return flagWords(flags, found.rest);
  return valuesOf(found.entry.id, sources);
}

/** The next word of every command and topic that begins so. */
function nextWords(path: readonly string[]): Candidate[] {
  const summaries = new Map<string, string>();
  const all = [
    ...Object.entries(topicTable),
    ...commandTable.map(({ id, summary }): [string, string] => [id, summary]),
  ];
  for (const [id, summary] of all) {
    const words = id.split(' ');
    const next = words[path.length];
    if (next === undefined || path.some((word, index) => words[index] !== word)) continue;
    if (words.length === path.length + 1 || !summaries.has(next)) summaries.set(next, summary);
  }
  return [...summaries].map(([word, description]) => ({ word, description })).toSorted(byWord);
}

interface KnownFlag {
  readonly name: string;
  /** `--env`, `-e`. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly isRepeatable: boolean;
}

async function flagsOf(entry: CommandEntry): Promise<KnownFlag[]> {
  const Class = await entry.load();
  return Object.entries({ ...Class.baseFlags, ...Class.flags }).map(([name, flag]) => ({
    name,
    names: [`--${name}`, ...(flag.char === undefined ? [] : [`-${flag.char}`])],
    description: flag.description ?? '',
    takesValue: flag.type === 'option',
    isRepeatable: flag.type === 'option' && flag.multiple === true,
  }));
}

function flagWords(flags: readonly KnownFlag[], given: readonly string[]): Candidate[] {
  return flags
    .filter(({ names, isRepeatable }) => isRepeatable || !names.some((name) => given.includes(name)))
    .map(({ name, description }) => ({ word: `--${name}`, description }))
    .toSorted(byWord);
}

/** Of a flag by its name, or of a command's arguments by its id; what is a file is the shell's to complete. */
async function valuesOf(name: string, sources: CompletionSources): Promise<Candidate[]> {
  const words = async (list: Promise<readonly string[]> | readonly string[]): Promise<Candidate[]> =>
    (await list).map((word) => ({ word, description: '' }));
  switch (name) {
    case 'server':
    case 'servers rm':
      return words(sources.serverNames());
    case 'env':
      return words(sources.environmentNames());
    case 'explain':
      return words(sources.errorCodes());
    case 'autocomplete':
      return words(['bash', 'fish', 'zsh']);
    default:
      return [];
  }
}

const byWord = (a: Candidate, b: Candidate): number => (a.word < b.word ? -1 : 1);
