// Every error code of Tako: who caused it, whether trying again may help, and the CLI's exit code (spec 20).
// Each has a heading in docs/errors.md; a test checks both ways. Alphabetical. Knows no error object.

/** Who has to act: `user` (input, config), `app` (its code), `server` (the host or daemon), `network`, `internal` (our bug). */
export type ErrorSource = 'user' | 'app' | 'server' | 'network' | 'internal';

/** Exit codes of spec 20. */
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 124 | 130;

export interface ErrorSpec {
  readonly source: ErrorSource;
  readonly retryable: boolean;
  readonly exitCode: ExitCode;
  /** One sentence, shown by `tako explain CODE` above the page. */
  readonly summary: string;
}

/** A fact that stays as it is until somebody changes something. */
const lasting = (source: ErrorSource, exitCode: ExitCode, summary: string): ErrorSpec =>
  Object.freeze({ source, retryable: false, exitCode, summary });

/** Trying again, unchanged and a little later, may help. */
const passing = (source: ErrorSource, exitCode: ExitCode, summary: string): ErrorSpec =>
  Object.freeze({ source, retryable: true, exitCode, summary });

export const errorRegistry = Object.freeze({
  APP_NOT_FOUND: lasting('user', 3, 'The server knows no deployment of that id.'),
  APP_USER_INVALID: lasting('server', 1, 'The user that apps run as is missing on the server, or is uid 0.'),
  ARCHIVE_ENTRY_REFUSED: lasting('user', 2, 'The archive holds an entry that is no file, directory or link.'),
  ARCHIVE_INVALID: lasting('user', 1, 'The artifact is not a readable gzip-compressed tar archive.'),
  ARCHIVE_LINK_REFUSED: lasting('user', 2, 'The archive holds a link that leaves the release.'),
  ARCHIVE_PATH_REFUSED: lasting(
    'user',
    2,
    'The archive holds an absolute path or one that leaves the release.',
  ),
  ARCHIVE_TOO_LARGE: lasting('user', 2, 'The archive unpacks to more bytes than a release may have.'),
  ARCHIVE_TOO_MANY_ENTRIES: lasting('user', 2, 'The archive holds more entries than a release may have.'),
  ARCH_MISMATCH: lasting('user', 2, 'The artifact was built for another processor than the server has.'),
  ARTIFACT_BUSY: passing('server', 1, 'Another upload of the same artifact is under way.'),
  ARTIFACT_HASH_MISMATCH: lasting(
    'user',
    1,
    'The bytes of the artifact do not have the SHA-256 they came under.',
  ),
  ARTIFACT_INCOMPLETE: passing('network', 5, 'The server did not get all bytes of the artifact.'),
  ARTIFACT_NOT_FOUND: lasting('user', 3, 'The server has no complete artifact of that SHA-256.'),
  ARTIFACT_OUT_OF_ORDER: passing('network', 5, 'The bytes sent do not follow those that the server has.'),
  ARTIFACT_TOO_LARGE: lasting(
    'user',
    2,
    'The artifact is larger than was announced or than the server takes.',
  ),
  ASSETS_NOT_FOUND: lasting('user', 2, 'A directory of `assets` does not exist after the build.'),
  BUILD_FAILED: lasting('app', 1, 'A step of the build ended with an error.'),
  BUILD_TIMED_OUT: lasting('app', 124, 'A step of the build did not end within its time.'),
  CERTIFICATE_INVALID: lasting('user', 2, 'The certificate or its key cannot be used.'),
  CERTIFICATE_NOT_FOUND: lasting('user', 3, 'The server has no custom certificate of that name.'),
  CONFIG_EXISTS: lasting('user', 2, 'There is a tako.toml here already.'),
  CONFIG_INVALID: lasting('user', 2, 'A tako.toml is not valid; every problem of the file is listed.'),
  CONFIG_NOT_FOUND: lasting('user', 2, 'There is no tako.toml here or in a directory above.'),
  CONFIRMATION_REQUIRED: lasting('user', 2, 'The command asks a question, and nobody is there to answer it.'),
  CONNECTION_LOST: passing(
    'network',
    5,
    'The connection to the server ended before the answer was complete.',
  ),
  DECLINED: lasting('user', 130, 'The question was answered with no; nothing was changed.'),
  DEPENDENCY_INSTALL_FAILED: lasting(
    'app',
    1,
    'The production dependencies could not be installed on the server.',
  ),
  DEPENDENCY_INSTALL_TIMED_OUT: passing('app', 124, 'Installing the production dependencies took too long.'),
  DEPLOYMENT_LOCKED: passing('user', 6, 'Somebody else holds the lock of this deployment.'),
  DISK_FULL: lasting('server', 1, 'The server has too little free disk space.'),
  ENVIRONMENT_NOT_DEPLOYABLE: lasting(
    'user',
    2,
    'The environment `development` is for `tako dev` and cannot be deployed.',
  ),
  ENVIRONMENT_UNKNOWN: lasting('user', 2, 'tako.toml declares no environment of that name.'),
  FEATURE_NOT_AVAILABLE: lasting(
    'user',
    2,
    'The release asks for something that this version of the server cannot do yet.',
  ),
  HANDOFF_FAILED: passing('server', 1, 'A reload could not take over from the daemon before it.'),
  INHERITED_SOCKET_INVALID: lasting(
    'server',
    2,
    'A listening socket handed over by systemd or another supervisor cannot be used.',
  ),
  INODES_LOW: lasting('server', 1, 'The file system of the server has too few free inodes.'),
  INSTANCE_EXITED: lasting('app', 7, 'A new instance ended by itself before it was healthy.'),
  INSTANCE_NEVER_READY: lasting('app', 7, 'A new instance did not become ready in time.'),
  INSTANCE_START_FAILED: lasting('app', 7, 'The program of a new instance could not be started.'),
  INSTANCE_UNHEALTHY: lasting(
    'app',
    7,
    'A new instance was ready, but its health probe did not succeed in time.',
  ),
  INSTANCE_UNSTABLE: lasting(
    'app',
    7,
    'A new instance was healthy, but did not stay so for the stable time.',
  ),
  INTERNAL: lasting('internal', 1, 'Something happened that Tako did not foresee.'),
  INTERRUPTED: lasting('user', 130, 'The command was interrupted.'),
  INVALID_INPUT: lasting('user', 2, 'A value sent to the server is not of the allowed form.'),
  INVENTORY_INVALID: lasting(
    'user',
    2,
    "The server inventory (config.toml in the user's Tako folder) is not valid.",
  ),
  LISTEN_FAILED: lasting('server', 1, 'The server cannot listen on an address that it was told to serve.'),
  LOCKFILE_MISSING: lasting('user', 2, 'The project has dependencies, but no lockfile.'),
  LOCK_LOST: passing('user', 6, 'The lock token no longer holds the deployment.'),
  LOG_FOLLOWERS_EXCEEDED: passing('user', 1, 'As many readers as allowed follow this log already.'),
  MAIN_NOT_FOUND: lasting('user', 2, 'The file named by `main` does not exist after the build.'),
  MANIFEST_INVALID: lasting('user', 2, 'A manifest (app.json) is not of the form that this version knows.'),
  NAME_INVALID: lasting('user', 2, 'A name or an id is not of the allowed form.'),
  OPTION_INVALID: lasting('user', 2, 'A flag, variable or line of server.toml is not valid.'),
  PACKAGE_JSON_INVALID: lasting('user', 2, 'A package.json is not a JSON object.'),
  PACKAGE_MANAGER_NOT_FOUND: lasting('user', 1, 'The package manager of the project is not installed here.'),
  PARTIAL_FAILURE: lasting('server', 8, 'The command succeeded on some servers and failed on others.'),
  PERMISSION_DENIED: lasting('server', 4, 'The operating system does not allow this.'),
  PORTS_EXHAUSTED: passing('server', 1, 'No port of the range for instances is free.'),
  PREFLIGHT_FAILED: lasting('server', 1, 'The server found problems that would make the deploy fail.'),
  PREVIOUS_RELEASE_NOT_FOUND: lasting('user', 3, 'There is no earlier good release to go back to.'),
  PROCEDURE_NOT_AVAILABLE: lasting(
    'server',
    1,
    'This version of the server does not have that procedure yet.',
  ),
  PROGRAM_NOT_FOUND: lasting('user', 1, 'A program that Tako needs is not installed here.'),
  PROGRAM_OUTPUT_TOO_LARGE: lasting('server', 1, 'A helper program wrote more output than is kept.'),
  PROGRAM_TIMED_OUT: passing('server', 124, 'A helper program did not end within its time.'),
  PROJECT_LOCKED: passing('user', 6, 'Another deploy of this project runs on this machine.'),
  PROTOCOL_MISMATCH: lasting('user', 1, 'The client and the server speak different protocol versions.'),
  RELEASE_COMMAND_FAILED: lasting('app', 9, 'The release command ended with an error.'),
  RELEASE_COMMAND_TIMED_OUT: lasting('app', 9, 'The release command did not end within its time.'),
  RELEASE_DIFFERS: lasting('user', 1, 'The server has a release of that version with other contents.'),
  RELEASE_IN_USE: lasting('user', 1, 'The release is running or is the one to go back to, and stays.'),
  RELEASE_NOT_FOUND: lasting('user', 3, 'The deployment has no prepared release of that version.'),
  REQUEST_TOO_LARGE: lasting('user', 2, 'The request to the server is larger than it takes.'),
  REVERT_INCOMPLETE: lasting('app', 1, 'An instance of the version before did not start again.'),
  ROLLOUT_FAILED: lasting('app', 7, 'The rollout failed and was reverted; the old version serves.'),
  ROLLOUT_FINISHED: lasting('user', 1, 'The rollout is over and can no longer be changed.'),
  ROLLOUT_INTERRUPTED: passing('server', 7, 'The server stopped during the rollout; the old version serves.'),
  ROLLOUT_IN_PROGRESS: passing('user', 6, 'A rollout of this deployment is under way.'),
  ROLLOUT_NOT_FOUND: lasting('user', 3, 'The server knows no rollout of that id.'),
  ROLLOUT_REVERTED: lasting('user', 130, 'The rollout was reverted because somebody asked for it.'),
  ROUTE_CONFLICT: lasting('user', 1, 'A route belongs to another deployment on this server.'),
  ROUTE_INVALID: lasting('user', 2, 'A route is not a host name with an optional path.'),
  RUNTIME_INSTALL_FAILED: passing(
    'server',
    1,
    'The runtime of the app could not be installed on the server.',
  ),
  RUNTIME_UNSUPPORTED: lasting('user', 2, 'This version of Tako cannot run apps of that runtime.'),
  SECRETS_FILE_INVALID: lasting(
    'user',
    2,
    'The secrets file (.tako/secrets) is not of the form that this version knows.',
  ),
  SECRETS_KEY_INVALID: lasting(
    'user',
    2,
    "The key or the passphrase is not the one that sealed this environment's secrets.",
  ),
  SECRETS_KEY_MISSING: lasting('user', 2, "The key of this environment's secrets is not on this machine."),
  SECRETS_MISSING: lasting('user', 2, 'A secret that another environment has is not set in this one.'),
  SECRETS_UNREADABLE: lasting('server', 1, 'The server cannot open the secrets it keeps for the deployment.'),
  SECRET_NOT_FOUND: lasting('user', 3, 'The environment has no secret of that name.'),
  SECRET_NOT_OPENED: lasting(
    'user',
    2,
    'A sealed secret could not be opened: another key, another name or environment, or a changed file.',
  ),
  SECRET_VALUE_INVALID: lasting('user', 2, 'The value of a secret is too long or is no text.'),
  SERVERS_NOT_CHOSEN: lasting('user', 2, 'Nothing says which servers the environment is deployed to.'),
  SERVER_ALREADY_RUNNING: lasting('server', 1, 'Another tako-server uses this data directory.'),
  SERVER_BUSY: passing('server', 1, 'The server handles as many management calls as it may at once.'),
  SERVER_NAME_TAKEN: lasting('user', 2, 'The inventory already has a server of that name or host.'),
  SERVER_STOPPING: passing('server', 1, 'The server is stopping and takes no new work.'),
  SERVER_UNKNOWN: lasting('user', 3, 'The inventory has no server of that name.'),
  SERVER_UNREACHABLE: passing('network', 5, 'Nothing answers on the management socket of the server.'),
  SERVER_UPGRADING: passing('server', 1, 'The server is being upgraded and refuses changes meanwhile.'),
  SOURCE_CHANGED: passing('user', 1, 'Files of the project changed while they were copied for the build.'),
  SOURCE_LINK_REFUSED: lasting('user', 2, 'A symbolic link of the project leaves the source root.'),
  SOURCE_SPECIAL_FILES: lasting('user', 1, 'Sockets, pipes or devices of the project were left out.'),
  SOURCE_TOO_LARGE: lasting('user', 2, 'The project has more files than can be deployed.'),
  SOURCE_UNREADABLE: lasting('user', 1, 'A file of the project could not be read.'),
  SSH_AUTH_FAILED: lasting('user', 4, 'The server refused every key that ssh offered.'),
  SSH_CONNECTION_LOST: passing('network', 5, 'The SSH connection to the server broke.'),
  SSH_FORWARD_FAILED: lasting('server', 5, 'ssh connected, but could not forward the management socket.'),
  SSH_HOST_KEY_CHANGED: lasting('user', 4, 'The server shows another host key than the one that is known.'),
  SSH_HOST_KEY_UNKNOWN: lasting('user', 4, 'The host key of the server is not known on this machine.'),
  SSH_NOT_INSTALLED: lasting('user', 5, 'There is no OpenSSH client on this machine.'),
  SSH_UNREACHABLE: passing('network', 5, 'ssh could not connect to the server.'),
  STATE_CORRUPT: lasting('server', 1, "The server's state database is damaged."),
  STATE_TOO_NEW: lasting('server', 1, "The server's state was written by a newer version."),
  STATE_UNAVAILABLE: lasting('server', 1, "The server's state database cannot be opened or written."),
  TIMED_OUT: passing('network', 124, 'Something did not happen within its deadline.'),
  UPGRADE_FAILED: lasting(
    'server',
    1,
    'An upgrade of the server failed; the version before serves, as if nothing had happened.',
  ),
  UPGRADE_NOT_PUT_BACK: lasting(
    'server',
    1,
    'An upgrade of the server failed, and so did putting the version before back.',
  ),
  UPGRADING_LEASE_HELD: passing('user', 6, 'Somebody else is upgrading the server.'),
  USAGE_INVALID: lasting('user', 2, 'The command line is not valid.'),
  WILDCARD_WITHOUT_CERTIFICATE: lasting(
    'user',
    1,
    'A wildcard route has neither a DNS provider nor a certificate.',
  ),
  WORKER_START_FAILED: passing('server', 1, 'A proxy worker of the server could not be started.'),
} satisfies Record<string, ErrorSpec>);

export type ErrorCode = keyof typeof errorRegistry;
