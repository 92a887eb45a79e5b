// The editor is the heaviest part of the page: it comes when it is opened.
import { defineAsyncComponent } from 'vue'

export const YamlEditor = defineAsyncComponent(() => import('./YamlEditor.vue'))
export const YamlDiff = defineAsyncComponent(() => import('./YamlDiff.vue'))
