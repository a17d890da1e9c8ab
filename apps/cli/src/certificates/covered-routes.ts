// Which routes a certificate is for. Pure.

/** A certificate's wildcard stands for exactly one label (RFC 6125 §6.4.3); a wildcard route wants the wildcard itself. */
export function coveredRoutes(routes: readonly string[], names: readonly string[]): string[] {
  const known = new Set(names);
  return routes.filter((route) => {
    const host = route.split('/')[0]?.toLowerCase() ?? '';
    return known.has(host) || known.has(`*${host.slice(host.indexOf('.'))}`);
  });
}
