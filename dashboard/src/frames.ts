// Work that is to be done once a frame, in a task of its own: what it changes is drawn by the next frame, and neither task takes long.

const due: (() => void)[] = []
const channel = new MessageChannel()
channel.port1.onmessage = () => {
  for (const run of due.splice(0)) run()
}

/** Calls `run` right after the next frame; never in a tab that nobody sees. @returns what calls it off. */
export function afterFrame(run: () => void): () => void {
  let off = false
  const frame = requestAnimationFrame(() => {
    due.push(() => off || run())
    channel.port2.postMessage(undefined)
  })
  return () => {
    off = true
    cancelAnimationFrame(frame)
  }
}
