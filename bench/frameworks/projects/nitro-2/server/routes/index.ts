export default eventHandler(() => 'Hello Nitro 2')
