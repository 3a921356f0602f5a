/** Looks for work and never opens a port. */
setInterval(() => console.log(`polled by ${process.pid}`), 200)
