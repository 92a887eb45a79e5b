// What kept the page's main thread busy, by Chromium's own trace: in time of the processor, which other programs do not lengthen.

const CATEGORIES = ['toplevel', 'devtools.timeline']
/** The parts of a task, by the names that Chromium gives them. */
const PARTS = {
  FunctionCall: 'script', EvaluateScript: 'script', RunMicrotasks: 'script', FireAnimationFrame: 'script', TimerFire: 'script',
  UpdateLayoutTree: 'style', Layout: 'layout', PrePaint: 'paint', Paint: 'paint', Layerize: 'paint', Commit: 'paint', MajorGC: 'gc', MinorGC: 'gc',
}

/** Records while `act` runs. @returns the trace's events. */
export async function traced(page, act) {
  const session = await page.context().newCDPSession(page)
  const events = []
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value))
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve))
  await session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: CATEGORIES } })
  await act()
  await session.send('Tracing.end')
  await complete
  await session.detach()
  return events
}

/** @returns each task of the page's main thread: how long it took by the clock and of the processor, and its parts; in milliseconds. */
export function tasks(events) {
  const main = events.find(({ name }) => name === 'FireAnimationFrame')
  if (!main) throw new Error('the trace shows no frame')
  const own = events.filter(({ pid, tid, ph }) => pid === main.pid && tid === main.tid && ph === 'X').sort((a, b) => a.ts - b.ts || b.dur - a.dur)
  const found = []
  let inside = []
  for (const { name, ts, dur, tdur = dur } of own) {
    const task = found.at(-1)
    if (name.endsWith('RunTask')) {
      if (task && ts < task.end) continue
      found.push({ end: ts + dur, wall: dur / 1000, cpu: tdur / 1000, parts: {} })
      inside = []
      continue
    }
    const part = PARTS[name]
    if (!part || !task || ts >= task.end) continue
    // What lies inside another part is taken off that one.
    while (inside.length > 0 && inside.at(-1).end <= ts) inside.pop()
    if (inside.length > 0) task.parts[inside.at(-1).part] -= tdur / 1000
    task.parts[part] = (task.parts[part] ?? 0) + tdur / 1000
    inside.push({ part, end: ts + dur })
  }
  return found
}

/** All of it in one line. */
export function summary(all, seconds) {
  const parts = {}
  for (const task of all) for (const [part, ms] of Object.entries(task.parts)) parts[part] = (parts[part] ?? 0) + ms
  const longest = [...all].sort((a, b) => b.cpu - a.cpu)[0]
  const told = (of) => Object.entries(of).map(([part, ms]) => `${part} ${Math.round(ms)}`).join(', ')
  const cpu = all.reduce((sum, task) => sum + task.cpu, 0)
  return (
    `main thread ${Math.round(cpu / seconds / 10)} % busy (ms: ${told(parts)}); tasks over 50 ms: ${all.filter((task) => task.cpu > 50).length} of the processor, ` +
    `${all.filter((task) => task.wall > 50).length} by the clock; longest ${Math.round(longest.cpu)} ms of the processor (${told(longest.parts)})`
  )
}
