// Public names of the store.
export { type StateCheck, type SalvageReport, checkState, salvageState } from './backup/salvage.ts';
export { type BackupReport, backupState } from './backup/state-backup.ts';
export { type OpenStoreOptions, openStore } from './open-store.ts';
export type * from './records.ts';
export type * from './store.types.ts';
