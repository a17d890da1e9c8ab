// Writes the servers that a first deploy settled on into tako.toml, comments kept (spec 10).
import { setServers, writeFileAtomically } from '@tako/config';
import type { ProjectTarget } from './target.ts';

/** What to tell the person, or null when nothing was to be written. */
export async function writeChosenServers(target: ProjectTarget): Promise<string | null> {
  if (target.serversFrom !== 'chosen') return null;
  const { project, env } = target;
  const servers = target.servers.map(({ name }) => name);
  const edited = setServers(project.text, { env, servers }, project.project.file);
  await writeFileAtomically(project.files.configFile, edited);
  return `Wrote servers = [${servers.map((name) => `"${name}"`).join(', ')}] into [envs.${env}] of ${project.project.file}.`;
}
