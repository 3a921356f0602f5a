import type { MessageData } from './bus/message.ts'
import { processTopics } from './bus/process-topics.ts'
import type { Listener, SubscribeOptions } from './bus/topics.ts'

export type { MessageData } from './bus/message.ts'
export type { Listener, SubscribeOptions } from './bus/topics.ts'

/**
 * Publishes a message to all who subscribe to the topic, in all workers of the instance: WebSockets
 * (`ws.subscribe(topic)`) and listeners. In a program that is no worker of an instance: in this process.
 *
 * @param compress whether WebSockets are to get it compressed
 * @returns as Bun's `server.publish`: bytes, -1 if a WebSocket of this process takes no more at the moment, 0 if nothing
 * took the message
 * @throws TypeError when there is no topic.
 */
export function publish(topic: string, message: MessageData, compress?: boolean): number {
  return processTopics().publish(topic, message, compress)
}

/**
 * Calls back with each message that is published to the topic from now on, in whichever worker of the instance.
 *
 * @returns a function that ends the subscription
 * @throws TypeError when there is no topic.
 */
export function subscribe(topic: string, listener: Listener, options?: SubscribeOptions): () => void {
  return processTopics().subscribe(topic, listener, options)
}
