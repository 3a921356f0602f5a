/**
 * What builds of frameworks leave in an application's folder, relative to it: content although it is in `.gitignore`,
 * or begins with a dot. Of `.next`, only what each build writes anew: the server itself writes into the rest.
 */
export const BUILD_OUTPUTS: readonly string[] = [
  '.next/BUILD_ID',
  '.next/build-manifest.json',
  '.next/standalone',
  '.output',
  'build',
  'dist',
  'out',
]
