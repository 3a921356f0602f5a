import { component$, useSignal } from '@builder.io/qwik'

export default component$(() => {
  const count = useSignal(0)
  return (
    <main>
      <h1>Hello Qwik</h1>
      <button onClick$={() => count.value++}>{count.value}</button>
    </main>
  )
})
