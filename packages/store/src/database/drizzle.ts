// drizzle-orm in its CommonJS form, the only way it is loaded file by file. As ES modules its 130 files cost a start 1 s
// and 100 MB: for each of them Node parses drizzle's package.json, whose `exports` are 179 KB (measured with Node 26.10).
// A bundle takes drizzle-modules.ts instead.
import { createRequire } from 'node:module';
import type * as Core from 'drizzle-orm';
import type * as Driver from 'drizzle-orm/better-sqlite3';
import type * as Sqlite from 'drizzle-orm/sqlite-core';

const require = createRequire(import.meta.url);

/* oxlint-disable typescript/no-unsafe-type-assertion -- the same version's types, in their ES form */
const core = require('drizzle-orm') as typeof Core;
const sqlite = require('drizzle-orm/sqlite-core') as typeof Sqlite;
const driver = require('drizzle-orm/better-sqlite3') as typeof Driver;
/* oxlint-enable typescript/no-unsafe-type-assertion */

export const { and, asc, desc, eq, gt, inArray, is, lte, ne, sql } = core;
export const { getTableConfig, index, integer, primaryKey, SQLiteTable, sqliteTable, text } = sqlite;
export const { drizzle } = driver;
