// Routes of an environment as tako.toml gives them: `route` xor `routes`, at least one, and the own domain of
// `development` (spec 10). Knows no server.
import { describeFound } from './config-problem.ts';
import { developmentEnv } from './names.ts';
import type { EnvironmentSource } from './project-schema.ts';
import type { Report } from './project-vars.ts';
import { parseRoute, readRoute, type Route } from './route.ts';
import type { TomlPath } from './toml-scanner.ts';

/** The host that `tako dev` serves an app on. */
export function developmentHost(app: string): string {
  return `${app}.tako.local`;
}

export interface RoutesPlace {
  readonly app: string;
  readonly env: string;
  /** What is really written, also where it had the wrong shape: what was wrong is reported already. */
  readonly written: Readonly<Record<string, unknown>>;
}

/** The routes of an environment; reports what is wrong with them. */
export function resolveRoutes(
  source: EnvironmentSource,
  place: RoutesPlace,
  report: Report,
): readonly Route[] {
  const path = ['envs', place.env];
  const hasOne = Object.hasOwn(place.written, 'route');
  const hasList = Object.hasOwn(place.written, 'routes');
  if (hasOne && hasList) report([...path, 'routes'], 'both "route" and "routes"', 'one of them');
  const texts: (readonly [TomlPath, string])[] = (source.routes ?? []).map((text, index) => [
    [...path, 'routes', index],
    text,
  ]);
  if (source.route !== undefined) texts.unshift([[...path, 'route'], source.route]);
  const routes: Route[] = [];
  for (const [at, text] of texts) {
    const route = checkRoute(text, place, (found, allowed) => report(at, found, allowed));
    if (route === null) continue;
    if (routes.some((other) => other.text === route.text))
      report(at, `"${route.text}" a second time`, 'each route once');
    routes.push(route);
  }
  if (place.env === developmentEnv && !hasOne && !hasList) return [parseRoute(developmentHost(place.app))];
  if ((hasList && source.routes?.length === 0) || (!hasOne && !hasList)) {
    report(hasList ? [...path, 'routes'] : path, 'no route', 'at least one, as in route = "example.com"');
  }
  return routes;
}

function checkRoute(
  text: string,
  place: RoutesPlace,
  report: (found: string, allowed: string) => void,
): Route | null {
  const reading = readRoute(text);
  if (reading.kind === 'wrong') {
    report(
      describeFound(text),
      `a route like "example.com", "*.example.com" or "example.com/api/*"; ${reading.reason}`,
    );
    return null;
  }
  const own = developmentHost(place.app);
  const { name } = reading.value.host;
  if (place.env === developmentEnv && name !== own && !name.endsWith(`.${own}`)) {
    report(describeFound(text), `routes of development are "${own}" or below it, as in "api.${own}"`);
  }
  return reading.value;
}
