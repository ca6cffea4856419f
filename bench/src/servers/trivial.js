// Signalling for the subjects that bring none: rooms, who is in them, and messages passed on.
import { WebSocketServer } from 'ws'

const rooms = new Map()
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })

server.on('connection', (socket, request) => {
  const { searchParams } = new URL(request.url, 'ws://localhost')
  const id = searchParams.get('id')
  const name = searchParams.get('room')
  const room = rooms.get(name) ?? new Map()
  rooms.set(name, room)
  socket.send(JSON.stringify({ present: [...room.keys()] }))
  room.set(id, socket)
  socket.on('message', (data) => {
    const { to, signal } = JSON.parse(data)
    room.get(to)?.send(JSON.stringify({ from: id, signal }))
  })
  socket.on('close', () => {
    room.delete(id)
    if (room.size === 0) rooms.delete(name)
  })
})

server.on('listening', () => console.log(`listening on ${server.address().port}`))
