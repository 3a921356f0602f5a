/** Longest part of Bun's messages that is shown. */
const SHOWN_LINES = 5

/** Installs what `package.json` names. Resolves with the reason if that fails. */
export async function installPackages(folder: string): Promise<string | undefined> {
  const child = Bun.spawn([process.execPath, 'install'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const [messages, code] = await Promise.all([new Response(child.stderr).text(), child.exited])
  if (code === 0) return undefined
  return messages.trim().split('\n').slice(-SHOWN_LINES).join('\n')
}
