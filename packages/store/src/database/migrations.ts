// The schema's history, oldest first. A migration only expands: the program one version older must be able to
// work on the result (`readableFrom`); what it made superfluous goes one version later. Never edit a shipped one.

export interface Migration {
  /** 1, 2, 3…: `PRAGMA user_version` after it. */
  readonly id: number;
  /** The oldest schema a program may know and still work on the file after this migration. */
  readonly readableFrom: number;
  readonly sql: string;
}

const initial = `
CREATE TABLE deployments (
  id TEXT PRIMARY KEY,
  app TEXT NOT NULL,
  env TEXT NOT NULL,
  current_version TEXT,
  previous_version TEXT,
  instances_wanted INTEGER NOT NULL,
  stopped INTEGER NOT NULL,
  maintenance INTEGER NOT NULL,
  secrets_digest TEXT NOT NULL,
  secret_names TEXT NOT NULL,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
CREATE TABLE routes (
  key TEXT PRIMARY KEY,
  route TEXT NOT NULL,
  deployment_id TEXT NOT NULL REFERENCES deployments(id) ON DELETE CASCADE,
  position INTEGER NOT NULL
);
CREATE INDEX routes_by_deployment ON routes(deployment_id);
CREATE TABLE releases (
  deployment_id TEXT NOT NULL,
  version TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  manifest TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('prepared', 'good', 'failed')),
  prepared_at INTEGER NOT NULL,
  deployed_at INTEGER,
  PRIMARY KEY (deployment_id, version)
);
CREATE TABLE instances (
  id TEXT PRIMARY KEY,
  deployment_id TEXT NOT NULL,
  version TEXT NOT NULL,
  pid INTEGER NOT NULL,
  start_time_ticks INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  port INTEGER,
  run_dir TEXT NOT NULL,
  started_at INTEGER NOT NULL
);
CREATE INDEX instances_by_deployment ON instances(deployment_id);
CREATE TABLE rollouts (
  id TEXT PRIMARY KEY,
  deployment_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  plan TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'deployed', 'rolledBack', 'interrupted')),
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  result TEXT
);
CREATE INDEX rollouts_by_deployment ON rollouts(deployment_id, started_at);
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  token TEXT NOT NULL,
  owner TEXT NOT NULL,
  acquired_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  caller TEXT NOT NULL,
  procedure TEXT NOT NULL,
  deployment_id TEXT,
  outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'failed')),
  code TEXT,
  detail TEXT,
  duration_ms INTEGER NOT NULL
);
CREATE INDEX audit_by_deployment ON audit(deployment_id, id);
CREATE TABLE certificates (
  id TEXT PRIMARY KEY,
  names TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('custom', 'acme', 'self-signed')),
  issuer TEXT,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  last_error TEXT,
  next_try_at INTEGER
);
CREATE TABLE challenges (
  host TEXT NOT NULL,
  challenge TEXT NOT NULL,
  key_authorization TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (host, challenge)
);
CREATE TABLE server_state (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
`;

/** Certificates by themselves: what the issuer must know again after a restart. */
const issuer = `
ALTER TABLE certificates ADD COLUMN acme TEXT;
ALTER TABLE challenges ADD COLUMN kind TEXT NOT NULL DEFAULT 'http-01';
CREATE TABLE acme_accounts (
  directory TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  email TEXT NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE TABLE acme_names (
  name TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  last_tried_at INTEGER NOT NULL,
  next_try_at INTEGER NOT NULL,
  last_error TEXT NOT NULL
);
CREATE TABLE acme_orders (
  id TEXT PRIMARY KEY,
  directory TEXT NOT NULL,
  names TEXT NOT NULL,
  url TEXT NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE TABLE acme_pauses (
  scope TEXT PRIMARY KEY,
  until INTEGER NOT NULL,
  reason TEXT NOT NULL
);
`;

export const migrations: readonly Migration[] = [
  { id: 1, readableFrom: 1, sql: initial },
  { id: 2, readableFrom: 1, sql: issuer },
];
