import tls from 'node:tls'
import type { Server } from '../server.ts'

/** Common name of the certificate the server shows. */
export async function commonName({ url }: Server): Promise<string> {
  const socket = tls.connect({ port: Number(new URL(url).port), rejectUnauthorized: false })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const { CN } = socket.getPeerCertificate().subject
  socket.destroy()
  return String(CN)
}
