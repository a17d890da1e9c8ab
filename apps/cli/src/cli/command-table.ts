// Every command: its words, what it does in one line, and how to load it. The one list that dispatch, help and
// suggestions read; a command's module is loaded only when it runs or is explained.
import type { CommandClass } from './tako-command.ts';

export interface CommandEntry {
  /** As typed, words separated by a space. */
  readonly id: string;
  readonly summary: string;
  readonly load: () => Promise<CommandClass>;
}

const entry = (
  id: string,
  summary: string,
  load: () => Promise<{ readonly default: CommandClass }>,
): CommandEntry => Object.freeze({ id, summary, load: async () => (await load()).default });

export const commandTable: readonly CommandEntry[] = Object.freeze([
  entry(
    'autocomplete',
    'Complete commands, flags and servers in your shell.',
    () => import('../commands/autocomplete.ts'),
  ),
  entry(
    'certificates add',
    'Give the servers a certificate of your own.',
    () => import('../commands/certificates/add.ts'),
  ),
  entry(
    'certificates ls',
    'List the certificates of the servers, and what waits for one.',
    () => import('../commands/certificates/ls.ts'),
  ),
  entry(
    'certificates rm',
    'Remove a certificate of your own.',
    () => import('../commands/certificates/rm.ts'),
  ),
  entry(
    'config show',
    'Show what tako.toml means for an environment.',
    () => import('../commands/config/show.ts'),
  ),
  entry(
    'delete',
    'Delete an app with its releases and secrets from its servers.',
    () => import('../commands/delete.ts'),
  ),
  entry(
    'deploy',
    'Build this project and roll it out to its servers.',
    () => import('../commands/deploy.ts'),
  ),
  entry('doctor', 'Check every layer between here and the servers.', () => import('../commands/doctor.ts')),
  entry('explain', 'Say what an error code means and what to do.', () => import('../commands/explain.ts')),
  entry('init', 'Make a tako.toml for this project.', () => import('../commands/init.ts')),
  entry('logs', 'Show what an app printed, and follow it.', () => import('../commands/logs.ts')),
  entry(
    'maintenance',
    'Answer everyone with a page that the app is under maintenance.',
    () => import('../commands/maintenance.ts'),
  ),
  entry('open', "Open the app's address in the browser.", () => import('../commands/open.ts')),
  entry('pause', 'Hold the requests of an app for a while.', () => import('../commands/pause.ts')),
  entry('releases ls', 'List the releases of an app.', () => import('../commands/releases/ls.ts')),
  entry(
    'releases rollback',
    'Roll back to a release by its version.',
    () => import('../commands/releases/rollback.ts'),
  ),
  entry('restart', 'Restart the instances of an app, one at a time.', () => import('../commands/restart.ts')),
  entry('resume', 'End a pause.', () => import('../commands/resume.ts')),
  entry(
    'rollback',
    'Go back to the previous release, or to one by version.',
    () => import('../commands/rollback.ts'),
  ),
  entry(
    'run',
    "Run a command here with an environment's variables and secrets.",
    () => import('../commands/run.ts'),
  ),
  entry('scale', 'Set how many instances of an app run.', () => import('../commands/scale.ts')),
  entry(
    'secrets key export',
    "Print the key of an environment's secrets.",
    () => import('../commands/secrets/key/export.ts'),
  ),
  entry(
    'secrets key import',
    "Store the key of an environment's secrets on this machine.",
    () => import('../commands/secrets/key/import.ts'),
  ),
  entry(
    'secrets key rotate',
    "Seal an environment's secrets again under a new key.",
    () => import('../commands/secrets/key/rotate.ts'),
  ),
  entry(
    'secrets ls',
    'List the names of the secrets, never their values.',
    () => import('../commands/secrets/ls.ts'),
  ),
  entry('secrets rm', 'Remove a secret from the project.', () => import('../commands/secrets/rm.ts')),
  entry('secrets set', 'Seal a secret into the project.', () => import('../commands/secrets/set.ts')),
  entry('secrets sync', 'Bring the secrets to the servers.', () => import('../commands/secrets/sync.ts')),
  entry('servers add', 'Add a server to the inventory.', () => import('../commands/servers/add.ts')),
  entry('servers ls', 'List the servers of the inventory.', () => import('../commands/servers/ls.ts')),
  entry(
    'servers reload',
    'Hand a server over to a successor; no request is lost, no app restarts.',
    () => import('../commands/servers/reload.ts'),
  ),
  entry(
    'servers restart',
    'Stop and start a server with all of its apps.',
    () => import('../commands/servers/restart.ts'),
  ),
  entry('servers rm', 'Remove a server from the inventory.', () => import('../commands/servers/rm.ts')),
  entry(
    'servers status',
    'Show what each server is and runs.',
    () => import('../commands/servers/status.ts'),
  ),
  entry('start', 'Start an app that was stopped.', () => import('../commands/start.ts')),
  entry(
    'status',
    'Show the app, its instances and their health on every server.',
    () => import('../commands/status.ts'),
  ),
  entry('stop', 'Stop an app; its releases and secrets stay.', () => import('../commands/stop.ts')),
  entry('unlock', 'Release the lock of an app whose holder is gone.', () => import('../commands/unlock.ts')),
  entry('version', 'Print the version.', () => import('../commands/version.ts')),
]);

/** Words that lead to several commands. */
export const topicTable: Readonly<Record<string, string>> = Object.freeze({
  certificates: 'What TLS serves: issued by themselves, or given.',
  config: "The project's configuration.",
  releases: 'What was deployed before.',
  secrets: "An environment's secrets, sealed in the project.",
  'secrets key': 'The key that seals them.',
  servers: "The servers of this machine's inventory.",
});
