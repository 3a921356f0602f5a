import { join } from 'node:path'

/** Makes a self-signed P-256 certificate with its key in a folder. */
export function makeCertificate(folder: string): { cert: string; key: string } {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const made = Bun.spawnSync(
    `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -keyout ${key} -out ${cert}`.split(
      ' ',
    ),
  )
  if (!made.success) throw new Error(`openssl failed: ${made.stderr.toString()}`)
  return { cert, key }
}
