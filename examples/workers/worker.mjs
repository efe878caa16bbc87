// A whole worker over HTTP in one file: copy it, replace the handlers. Node 18 or newer, nothing to install.
//
//     PGQ_API_URLS=http://127.0.0.1:8000,http://127.0.0.1:8001 PGQ_TOKEN_FILE=token node worker.mjs
//
// Also read: PGQ_TOKEN, PGQ_QUEUES (default,mail), PGQ_CONCURRENCY (4), PGQ_WORKER_NAME, PGQ_GRACE_SECONDS (25).
// What the protocol promises, and why a worker does what this one does: docs/http-workers.md.

import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

// Handlers: what you replace. They take the payload and their attempt, and return a JSON value. Pass attempt.signal on
// to whatever takes one (fetch, timers, child processes): it is how a lost or cancelled attempt is stopped.

/** Thrown by a handler: run this again in so many seconds; no attempt is used. */
class Snooze extends Error {
  constructor(seconds) {
    super('snoozed')
    this.seconds = seconds
  }
}

/** Thrown by a handler: no retry can mend this, straight to the dead letters. */
class Hopeless extends Error {}

const HANDLERS = {
  /** The plain case. */
  async count_words({ text }) {
    if (typeof text !== 'string') throw new Hopeless('the payload has no text')
    return { words: text.split(/\s+/).filter(Boolean).length }
  },

  /** Long work: it tells how far it is, and can be stopped. */
  async countdown({ steps = 10, seconds = 0.1 }, attempt) {
    for (let step = 1; step <= steps; step++) {
      await sleep(seconds * 1000, undefined, { signal: attempt.signal })
      attempt.progress(step / steps, `${step} of ${steps}`)
      attempt.log(`step ${step}`)
    }
    return { steps }
  },

  /** Fails as often as it is told to, then succeeds. */
  async unsteady({ failures = 1 }, attempt) {
    if (attempt.task.attempt <= failures) throw new RangeError(`attempt ${attempt.task.attempt} was not to be`)
    return { attempt: attempt.task.attempt }
  },

  /** Not ready yet is no failure: it snoozes until `at` (seconds since 1970). */
  async not_before({ at }) {
    const left = at - Date.now() / 1000
    if (left > 0) throw new Snooze(left)
    return { late_seconds: -left }
  },
}

// The rest is the worker.

const env = process.env
const SLOTS = Number(env.PGQ_CONCURRENCY ?? 4)
const GRACE_SECONDS = Number(env.PGQ_GRACE_SECONDS ?? 25)
const QUEUES = (env.PGQ_QUEUES ?? 'default').split(',')
const NAME = env.PGQ_WORKER_NAME ?? `${hostname()}-${process.pid}`
const ADDRESSES = (env.PGQ_API_URLS ?? 'http://127.0.0.1:8000').split(',').map((one) => one.trim().replace(/\/+$/, ''))
const WAIT_SECONDS = 20

const say = (...words) => console.error(new Date().toISOString(), ...words)
const now = () => performance.now() / 1000 // monotonic: a clock that is set must not end or prolong a lease
const jitter = (seconds) => sleep(1000 * seconds * (0.5 + Math.random())) // so that a fleet does not come as one

/** The token, read anew each time: a file may be replaced while the worker runs. */
function authorization() {
  const token = env.PGQ_TOKEN_FILE ? readFileSync(env.PGQ_TOKEN_FILE, 'utf8').trim() : env.PGQ_TOKEN
  return token ? { authorization: `Bearer ${token}` } : {}
}

let turn = 0 // whose turn it is among the addresses: whoever fails is left for the next
let failures = 0 // since the last answer

/** One request: {status, body, text}, or null, after a pause, when it is to be sent again; then it goes to the next. */
async function call(method, path, body, seconds = 10) {
  const mine = turn
  const url = ADDRESSES[mine % ADDRESSES.length] + path
  let reason
  let pause = 0
  try {
    const answer = await fetch(url, {
      method,
      headers: { 'content-type': 'application/json', ...authorization() },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(seconds * 1000), // one for all of it: an address may accept and then fall silent
    })
    const text = await answer.text()
    if (answer.status !== 429 && answer.status < 500) {
      failures = 0
      return { status: answer.status, text, body: text ? JSON.parse(text) : null }
    }
    reason = `${answer.status} ${text.slice(0, 200)}`
    pause = Number(answer.headers.get('retry-after')) || 0
  } catch (error) {
    reason = String(error.cause ?? error)
  }
  say(`${method} ${url}: ${reason}`)
  if (turn === mine) {
    // else another request has moved on already
    turn++
    failures++
  }
  // The first round is quick: most likely the next address is fine.
  await jitter(Math.max(pause, Math.min(3, 0.1 * 2 ** Math.floor(failures / ADDRESSES.length))))
  return null
}

/** Send a request until it is answered. Right for what may be repeated: all but claims. */
async function insist(method, path, body) {
  for (;;) {
    const answer = await call(method, path, body)
    if (answer) return answer
  }
}

let me // {path, lease_seconds, heartbeat_seconds}
let stopping = false
let stop // claim no more, finish what is held, leave
const stopped = new Promise((resolve) => {
  stop = () => {
    stopping = true
    resolve()
  }
})
const held = new Map() // task id → Attempt: the leases that heartbeats renew
const running = new Set() // promises of runs

/** A task that this worker holds, and what its handler has said since the last heartbeat. */
class Attempt {
  constructor(task) {
    this.task = task
    this.renewedAt = now()
    this.lastProgress = null
    this.lines = []
    this.linesSaid = 0
    this.lost = false
    this.controller = new AbortController()
    this.signal = this.controller.signal
  }

  /** How far it is, from 0 to 1; the newest goes with the next heartbeat. */
  progress(value, message = '') {
    this.lastProgress = { value: Math.min(Math.max(value, 0), 1), message: clean(message).slice(0, 1000) }
  }

  /** A line of the task's log. */
  log(message, level = 'info') {
    this.lines.push({ n: ++this.linesSaid, level, message: clean(message) })
  }

  /** Its part of a heartbeat: of the lines at most 1,000. */
  tell() {
    const said = { progress: this.lastProgress, log: this.lines.splice(0, 1000) }
    this.lastProgress = null
    return { id: this.task.id, lease_epoch: this.task.lease_epoch, ...said }
  }

  /** Keep what was not heard for the next heartbeat, before what has been said since. */
  tellAgain(told) {
    this.lastProgress ??= told.progress
    this.lines.unshift(...told.log)
  }

  stop(why) {
    this.lost ||= why === 'lost'
    this.controller.abort(new Error(why))
  }
}

/** Text that the service takes: no NUL, no half characters. One bad line must not cost a heartbeat. */
const clean = (text) => String(text).replaceAll('\0', '').replace(/\p{Surrogate}/gu, '\ufffd')

/** Become a worker. Repeated when no answer came: a name without a heartbeat is gone after 15 s. */
async function register() {
  const answer = await insist('POST', '/v1/workers', { name: NAME, queues: QUEUES, kinds: Object.keys(HANDLERS) })
  if (answer.status !== 201) {
    say(`could not register: ${answer.status} ${answer.text}`) // a token without rights: waiting does not mend that
    process.exit(1)
  }
  me = { ...answer.body, path: `/v1/workers/${answer.body.id}` }
  say(`worker ${me.id} serves ${QUEUES.join(', ')}`)
}

/** We are not known any more: what we hold is lost, and we begin again. */
async function registerAnew(who) {
  if (me !== who) return // another request has found that out before
  for (const attempt of held.values()) attempt.stop('lost')
  await register()
}

/** Ask for as many tasks as there are free slots; the server holds the question until there is one. */
async function claim() {
  const who = me
  // Not insisted on: an answer that got lost may have held tasks. Their leases run out, and they run again.
  const question = { limit: SLOTS - running.size, wait_seconds: WAIT_SECONDS }
  const answer = await call('POST', `${who.path}/claim`, question, WAIT_SECONDS + 10)
  if (!answer) return
  if (answer.status === 404) return registerAnew(who)
  if (answer.status !== 200) {
    say(`claim: ${answer.status} ${answer.text}`) // refused: 401 while a token is replaced, say
    return jitter(3)
  }
  for (const task of answer.body.tasks) {
    const attempt = new Attempt(task)
    held.set(task.id, attempt)
    const run = runOne(attempt, who).finally(() => running.delete(run))
    running.add(run)
  }
  if (answer.body.draining) stop()
  else if (!answer.body.tasks.length) await jitter(0.1) // a service that is stopping answers at once: no busy loop with it
}

/** One attempt, and its outcome told until it is heard. */
async function runOne(attempt, who) {
  const { task } = attempt
  const timer = setTimeout(() => attempt.stop('timed out'), task.timeout_seconds * 1000)
  let verb = 'complete'
  let outcome
  try {
    const handler = Object.hasOwn(HANDLERS, task.kind) ? HANDLERS[task.kind] : null
    if (!handler) throw new Hopeless(`this worker has no handler for ${task.kind}`)
    outcome = { result: (await handler(task.payload, attempt)) ?? null }
    JSON.stringify(outcome) // here, where it is the handler's error when that is no JSON
  } catch (error) {
    if (error instanceof Snooze) [verb, outcome] = ['snooze', { delay_seconds: error.seconds }]
    else [verb, outcome] = ['fail', failure(attempt.signal.aborted ? attempt.signal.reason : error)]
  } finally {
    clearTimeout(timer)
  }
  // Of a lost task there is nothing to tell: it is somebody else's.
  if (!attempt.lost) await settle(attempt, who, verb, outcome)
  if (held.get(task.id) === attempt) held.delete(task.id)
}

/** Tell the outcome until it is answered. The lease is kept meanwhile: the attempt is still in `held`. */
async function settle(attempt, who, verb, outcome) {
  const { task } = attempt
  const path = `${who.path}/tasks/${task.id}`
  const fence = { lease_epoch: task.lease_epoch }
  if (attempt.lastProgress || attempt.lines.length) await beat([attempt]) // last words, while the lease is ours
  let answer = await insist('POST', `${path}/${verb}`, { ...fence, ...outcome })
  if (verb === 'complete' && [400, 413, 422].includes(answer.status)) {
    // The result cannot be kept: too large, not JSON that PostgreSQL takes. That is a bug; a retry repeats it.
    const refused = failure(Object.assign(new Hopeless(answer.text.slice(0, 1000)), { name: 'ResultRefused' }))
    answer = await insist('POST', `${path}/fail`, { ...fence, ...refused })
  }
  // 409, 404: the lease is lost and somebody else has the task; what we did is dropped.
  if (answer.status !== 200) say(`${verb} ${task.id}: ${answer.status} ${answer.text}`)
}

/** The body of a fail. */
function failure(thrown) {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown)) // anything can be thrown
  const type = error.name === 'Error' ? error.constructor.name : error.name
  const texts = { type, message: clean(error.message), traceback: clean(error.stack) }
  return { error: texts, retry: !(error instanceof Hopeless) }
}

/** Renew the leases of these attempts, with what their handlers have said; whether that was answered. */
async function beat(attempts) {
  const who = me
  const askedAt = now()
  const tasks = attempts.map((one) => one.tell())
  // No longer than until the next one is due: a silent address must not cost the leases.
  const answer = await call('POST', `${who.path}/heartbeat`, { tasks }, Math.max(who.heartbeat_seconds, 1))
  if (!answer) attempts.forEach((one, at) => one.tellAgain(tasks[at]))
  if (answer?.status === 404) await registerAnew(who)
  else if (answer && answer.status !== 200) say(`heartbeat: ${answer.status} ${answer.text}`)
  if (answer?.status !== 200) return Boolean(answer)
  for (const one of attempts) {
    if (answer.body.lost.includes(one.task.id)) one.stop('lost')
    else if (!answer.body.not_renewed.includes(one.task.id)) one.renewedAt = askedAt
    if (answer.body.cancel.includes(one.task.id)) one.stop('cancelled')
  }
  if (answer.body.draining) stop()
  return true
}

/** Also without a task: the heartbeat is what says that this worker lives. */
async function beatForEver() {
  for (;;) {
    const answered = await beat([...held.values()])
    for (const one of held.values()) {
      // Nobody could be reached for most of a lease: the task may be somebody else's by now.
      if (now() - one.renewedAt > 0.85 * me.lease_seconds) one.stop('lost')
    }
    if (answered) await sleep(1000 * me.heartbeat_seconds * (0.8 + 0.2 * Math.random())) // else at once to the next address
  }
}

async function claimForEver() {
  while (!stopping) {
    if (running.size < SLOTS) await claim()
    else await Promise.race([...running, stopped])
  }
}

process.on('SIGTERM', stop)
process.on('SIGINT', stop)
await register()
const beating = beatForEver()
const claiming = claimForEver()
await Promise.race([stopped, beating, claiming])

say(`draining: ${running.size} tasks to finish`)
const grace = sleep(GRACE_SECONDS * 1000, 'over')
const finish = async () => {
  // This ends our long poll, too. To cut it off here could lose a task that is on its way to us.
  await insist('POST', `${me.path}/drain`)
  await claiming
  await Promise.all(running)
}
if ((await Promise.race([finish(), grace])) === 'over') say(`${running.size} tasks are not finished; others run them`)
// Leaving hands back what we still hold: no attempt is lost, and nobody has to wait for a lease to run out.
await Promise.race([insist('DELETE', me.path), sleep(5000)])
process.exit(0)
