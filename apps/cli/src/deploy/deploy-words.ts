// What a deploy leaves to read: the URLs, and the command that finishes a partial one. Pure.
import { routeUrl } from '@tako/config';
import type { RolloutEnd } from '../rollout/follow-rollout.ts';
import type { DeployPlan } from './deploy-plan.ts';

export function urlsOf(plan: DeployPlan, ends: readonly RolloutEnd[]): string[] {
  const told = ends.flatMap((end) => (end.type === 'deployed' ? end.urls : []));
  const urls = told.length > 0 ? told : plan.target.environment.routes.map((route) => routeUrl(route));
  return [...new Set(urls)];
}

export function finishHint(plan: DeployPlan, failed: readonly string[], done: readonly string[]): string {
  const env = `--env ${plan.target.env}`;
  const flags = (servers: readonly string[]): string => servers.map((name) => `--server ${name}`).join(' ');
  return `Finish: tako deploy ${env} ${flags(failed)}   or go back: tako rollback ${env} ${flags(done)}`;
}
