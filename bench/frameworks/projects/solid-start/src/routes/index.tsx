import { createSignal } from 'solid-js'

export default function Home() {
  const [count, setCount] = createSignal(0)
  return (
    <main>
      <h1>Hello SolidStart</h1>
      <button onClick={() => setCount(count() + 1)}>{count()}</button>
    </main>
  )
}
