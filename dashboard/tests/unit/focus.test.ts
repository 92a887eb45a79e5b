// Where the keyboard goes on when what had the focus goes away.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keepPlace } from '@/shell/focus'

let stop: () => void
const button = (): HTMLButtonElement => document.querySelector('button')!
const settled = async (): Promise<void> => void (await new Promise((done) => setTimeout(done, 5)))

beforeEach(() => {
  document.body.innerHTML = '<main id="content"><h1 tabindex="-1">Title</h1><p>text</p><button>Retry</button></main>'
  stop = keepPlace()
})
afterEach(() => stop())

describe("the keyboard's place", () => {
  it('goes on at the title when the button has gone', async () => {
    button().focus()
    button().blur()
    button().remove()
    await settled()
    expect(document.activeElement?.tagName).toBe('H1')
  })
  it('comes back to a button that was out of use for a moment', async () => {
    const retry = button()
    retry.focus()
    retry.blur()
    retry.disabled = true
    await settled()
    expect(document.activeElement).toBe(document.body)
    retry.disabled = false
    await settled()
    expect(document.activeElement).toBe(retry)
  })
  it('stays nowhere for who pressed on nothing', async () => {
    button().focus()
    document.querySelector('p')!.dispatchEvent(new Event('pointerdown', { bubbles: true }))
    button().blur()
    button().remove()
    await settled()
    expect(document.activeElement).toBe(document.body)
  })
})
