import { defineConfig } from 'vite'

export default defineConfig({
  // Relative, so that the page also works under a path of somebody's own server.
  base: './',
  build: {
    target: 'es2022',
    // Whatever is inlined as `data:` the page's content security policy would have to allow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    // `npm run dev` beside a running `meshlace serve`: the page's own host is then the server.
    proxy: { '/meshlace': { target: 'http://localhost:4242', ws: true } },
  },
})
