// A line between browser and daemon that can be cut: refused, or gone silent.
import { connect, createServer, type Server, type Socket } from 'node:net'

export class Line {
  readonly port: number
  private readonly server: Server
  private readonly target: number
  private readonly pairs = new Map<Socket, { upstream: Socket; lastBytesAt: number }>()
  private state: 'open' | 'refusing' | 'silent' = 'open'

  private constructor(server: Server, port: number, target: number) {
    this.server = server
    this.port = port
    this.target = target
  }
  static async to(target: number): Promise<Line> {
    const server = createServer()
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const line = new Line(server, address.port, target)
    server.on('connection', (socket) => line.take(socket))
    return line
  }
  private take(socket: Socket): void {
    socket.on('error', () => {})
    if (this.state === 'refusing') {
      socket.resetAndDestroy()
      return
    }
    const upstream = connect(this.target, '127.0.0.1')
    const pair = { upstream, lastBytesAt: 0 }
    this.pairs.set(socket, pair)
    const end = (): void => {
      socket.destroy()
      upstream.destroy()
      this.pairs.delete(socket)
    }
    for (const one of [socket, upstream]) one.on('close', end).on('error', end).setNoDelay(true)
    socket.on('data', (bytes) => this.state !== 'silent' && upstream.write(bytes))
    upstream.on('data', (bytes) => {
      if (this.state === 'silent') return
      pair.lastBytesAt = Date.now()
      socket.write(bytes)
    })
  }
  /** Breaks every connection and refuses new ones. */
  cut(): void {
    this.state = 'refusing'
    for (const socket of this.pairs.keys()) socket.resetAndDestroy()
  }
  /** Lets connections stand, and nothing through. */
  hush(): void {
    this.state = 'silent'
  }
  mend(): void {
    this.state = 'open'
  }
  /** How many connections brought something within the last so many milliseconds. */
  speaking(ms: number): number {
    return [...this.pairs.values()].filter(({ lastBytesAt }) => lastBytesAt > Date.now() - ms).length
  }
  close(): void {
    this.cut()
    this.server.close()
  }
}
