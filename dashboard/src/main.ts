// Starts the page.
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { startFeed } from './live'
import { router } from './router'
import './styles/tokens.css'
import './styles/base.css'

const app = createApp(App).use(createPinia()).use(router)
startFeed()
app.mount('#app')
