import { useState } from 'react'
import { createFileRoute } from '@tanstack/react-router'

export const Route = createFileRoute('/')({ component: Home })

function Home() {
  const [count, setCount] = useState(0)
  return (
    <main>
      <h1>Hello TanStack</h1>
      <button onClick={() => setCount(count + 1)}>{count}</button>
    </main>
  )
}
