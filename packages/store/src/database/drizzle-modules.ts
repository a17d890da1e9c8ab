// What drizzle.ts exports, as the ES modules that a bundler can take apart: apps/server/bundle.mjs puts this file in its
// place. Nothing else imports it.
export { and, asc, desc, eq, gt, inArray, is, lte, ne, sql } from 'drizzle-orm';
export {
  getTableConfig,
  index,
  integer,
  primaryKey,
  SQLiteTable,
  sqliteTable,
  text,
} from 'drizzle-orm/sqlite-core';
export { drizzle } from 'drizzle-orm/better-sqlite3';
