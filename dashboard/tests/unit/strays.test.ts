// Files that miss every place for files: the page stays, text is dragged as ever.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { keepPage } from '@/shell/strays'

let stop: () => void
beforeEach(() => {
  stop = keepPage()
  document.body.innerHTML = '<main></main><div class="editor" contenteditable="true"><p></p></div><div class="zone"></div>'
  document.querySelector('.zone')?.addEventListener('dragover', (event) => event.preventDefault())
})
afterEach(() => stop())

function drag(kind: string, over: string, types: string[]): { prevented: boolean; effect: string } {
  const transfer = { types, dropEffect: 'copy' }
  const event = Object.assign(new Event(kind, { bubbles: true, cancelable: true }), { dataTransfer: transfer })
  document.querySelector(over)?.dispatchEvent(event)
  return { prevented: event.defaultPrevented, effect: transfer.dropEffect }
}

it('keeps the page where a file is dropped on nothing, and says that nothing takes it', () => {
  for (const kind of ['dragenter', 'dragover', 'drop']) expect(drag(kind, 'main', ['Files'])).toEqual({ prevented: true, effect: 'none' })
})
it('leaves files to what takes them', () => {
  expect(drag('dragover', '.zone', ['Files'])).toEqual({ prevented: true, effect: 'copy' })
  // The editor reads the text of a file: the drop must come.
  expect(drag('dragover', '.editor p', ['Files'])).toEqual({ prevented: true, effect: 'copy' })
})
it('touches no text', () => {
  for (const over of ['main', '.editor p']) expect(drag('drop', over, ['text/plain'])).toEqual({ prevented: false, effect: 'copy' })
})
it('ends', () => {
  stop()
  expect(drag('drop', 'main', ['Files']).prevented).toBe(false)
})
