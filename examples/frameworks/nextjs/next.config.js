export default {
  output: 'standalone',
  // A package that Next leaves outside of its bundles.
  serverExternalPackages: ['ws'],
};
