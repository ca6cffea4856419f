// The site as a process of its own, to be started inside a network namespace. Usage: node site-process.js HOST
import { Site } from './site.js'

const site = await new Site({ host: process.argv[2] }).start()
console.log(`port ${site.port}`)
