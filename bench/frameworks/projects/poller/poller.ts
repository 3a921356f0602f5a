/** Looks for work and never opens a port. */
setInterval(() => console.log(`polled at ${new Date().toISOString()}`), 500)
