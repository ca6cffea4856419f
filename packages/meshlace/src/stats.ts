/** The figures of a connection that the core asks for, out of the many that browsers give. */
export interface Figures {
  localCandidate: string | undefined
  remoteCandidate: string | undefined
  protocol: string | undefined
  roundTripMs: number | undefined
  sentBytes: number
  receivedBytes: number
}

/** Reads the selected pair and the bytes of the transport. */
export async function readStats(connection: RTCPeerConnection): Promise<Figures> {
  const report = await connection.getStats()
  const entries = new Map<string, Entry>()
  report.forEach((entry: Entry) => entries.set(entry.id, entry))
  let transport: Entry | undefined
  let pair: Entry | undefined
  for (const entry of entries.values()) {
    if (entry.type === 'transport') transport = entry
    // Firefox has no transport entry and marks the pair itself.
    else if (entry.type === 'candidate-pair' && entry['selected'] === true) pair = entry
  }
  pair = entries.get(String(transport?.['selectedCandidatePairId'])) ?? pair
  const local = entries.get(String(pair?.['localCandidateId']))
  const remote = entries.get(String(pair?.['remoteCandidateId']))
  const seconds = pair?.['currentRoundTripTime']
  return {
    localCandidate: text(local?.['candidateType']),
    remoteCandidate: text(remote?.['candidateType']),
    protocol: text(local?.['protocol']),
    roundTripMs: typeof seconds === 'number' ? Math.round(seconds * 1_000) : undefined,
    sentBytes: count(transport?.['bytesSent'] ?? pair?.['bytesSent']),
    receivedBytes: count(transport?.['bytesReceived'] ?? pair?.['bytesReceived']),
  }
}

interface Entry {
  readonly id: string
  readonly type: string
  readonly [name: string]: unknown
}

const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
const count = (value: unknown) => (typeof value === 'number' ? value : 0)
