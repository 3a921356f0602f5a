import { nitroV2Plugin } from '@solidjs/vite-plugin-nitro-2'
import { solidStart } from '@solidjs/start/config'
import { defineConfig } from 'vite'

export default defineConfig({ plugins: [solidStart(), nitroV2Plugin()] })
