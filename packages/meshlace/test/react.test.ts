// React-Redux over a store of the room, in a document without a browser.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Window } from 'happy-dom'
import { act, createElement, StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Provider, useDispatch, useSelector } from 'react-redux'
import { Stores } from '../src/store/stores.js'
import { FakeLedger, FakeTime } from './fakes/ledger.js'

interface Counted {
  type: 'counted'
  by: number
}

test('a page of React shows a shared store and dispatches to it', async () => {
  const window = new Window()
  Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true })
  const ledger = new FakeLedger()
  const stores = new Stores(ledger, new FakeTime())
  const counter = stores.open('counter', {
    version: 1,
    initial: { count: 0 },
    reduce: (state, action: Counted) => ({ count: state.count + action.by }),
  })
  const Counter = () => {
    const count = useSelector((state: { count: number }) => state.count)
    const dispatch = useDispatch()
    return createElement('button', { onClick: () => dispatch({ type: 'counted', by: 5 }) }, String(count))
  }
  const place = window.document.createElement('div')
  window.document.body.append(place)
  const root = createRoot(place as unknown as Element)
  // Types: what `Provider` takes is a `Store` of Redux.
  const shown: Parameters<typeof Provider<Counted, { count: number }>>[0] = { store: counter, children: createElement(Counter) }
  const page = createElement(StrictMode, null, createElement(Provider<Counted, { count: number }>, shown))
  await act(async () => root.render(page))
  const button = place.querySelector('button')!
  assert.equal(button.textContent, '0')
  await act(async () => button.click())
  assert.equal(button.textContent, '5')
  await act(async () => {
    ledger.order.push(ledger.of('counter', { type: 'counted', by: 2 }))
    stores.changed(0)
  })
  assert.equal(button.textContent, '7')
  await act(async () => root.unmount())
  await window.happyDOM.close()
})
