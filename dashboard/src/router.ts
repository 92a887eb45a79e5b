// Every page by its address. The overview and the files come with the first load, the rest when it is opened.
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { text } from '@/text'

const names = text.shell.pages

/** `title` is shown in the browser's tab; `nav` marks the entry of the navigation that a page belongs to. */
export const routes: RouteRecordRaw[] = [
  { path: '/', name: 'overview', component: () => import('@/pages/overview/OverviewPage.vue'), meta: { title: names.overview, nav: 'overview' } },
  { path: '/files', name: 'files', component: () => import('@/pages/files/FilesPage.vue'), meta: { title: names.files, nav: 'files' } },
  { path: '/waiting', name: 'waiting', component: () => import('@/pages/waiting/WaitingPage.vue'), meta: { title: text.waiting.title, nav: 'files' } },
  { path: '/files/:job', name: 'job', component: () => import('@/pages/job/JobPage.vue'), props: ({ params }) => ({ job: String(params.job).toUpperCase() }), meta: { title: names.job, nav: 'files' } },
  { path: '/drop', name: 'drop', component: () => import('@/pages/drop/DropPage.vue'), meta: { title: names.drop, nav: 'drop' } },
  { path: '/pipelines', name: 'pipelines', component: () => import('@/pages/pipelines/PipelinesPage.vue'), meta: { title: names.pipelines, nav: 'pipelines' } },
  { path: '/pipelines/:id', name: 'pipeline', component: () => import('@/pages/pipelines/PipelinePage.vue'), props: true, meta: { title: names.pipeline, nav: 'pipelines' } },
  { path: '/operations', name: 'operations', component: () => import('@/pages/operations/OperationsPage.vue'), meta: { title: names.operations, nav: 'operations' } },
  { path: '/operations/:plugin/:name', name: 'operation', component: () => import('@/pages/operations/OperationPage.vue'), props: true, meta: { title: names.operation, nav: 'operations' } },
  { path: '/plugins', name: 'plugins', component: () => import('@/pages/plugins/PluginsPage.vue'), meta: { title: names.plugins, nav: 'plugins' } },
  { path: '/explain', name: 'explain', component: () => import('@/pages/explain/ExplainPage.vue'), meta: { title: names.explain, nav: 'explain' } },
  { path: '/:rest(.*)*', name: 'missing', component: () => import('@/pages/MissingPage.vue'), meta: { title: names.missing } },
]

declare module 'vue-router' {
  interface RouteMeta {
    title: string
    nav?: string
  }
}

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
})
