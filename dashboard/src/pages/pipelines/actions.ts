// What can be done with a pipeline as a whole, with a word about how it went.
import { command, segment, send } from '@/api/client'
import { useOverview } from '@/stores/overview'
import { useToasts } from '@/stores/toasts'
import { text } from '@/text'

type Action = 'pause' | 'resume' | 'scan' | 'remove'

export function usePipelineActions() {
  const toasts = useToasts()
  const overview = useOverview()
  const words = text.pipelines

  /** Whether it was done. */
  return async function act(id: string, action: Action): Promise<boolean> {
    try {
      const path = `pipelines/${segment(id)}`
      if (action === 'remove') await send(path, { method: 'DELETE' })
      else await command(`${path}/${action}`)
      toasts.success(`${id}: ${words.done[action]}`)
      overview.refreshSoon()
      return true
    } catch (error) {
      toasts.error(text.common.failedTo(words.could[action]), error)
      return false
    }
  }
}
