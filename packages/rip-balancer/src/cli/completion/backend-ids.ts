/** A filter for a shell: the ids of backends in what `rip-balancer status --json` prints. */
export const BACKEND_IDS: string = String.raw`sed -n 's/^ *"id": "\(.*\)",\{0,1\}$/\1/p'`
