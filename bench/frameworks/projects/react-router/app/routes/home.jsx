import { useState } from 'react'

export default function Home() {
  const [count, setCount] = useState(0)
  return (
    <main>
      <h1>Hello React Router</h1>
      <button onClick={() => setCount(count + 1)}>{count}</button>
    </main>
  )
}
