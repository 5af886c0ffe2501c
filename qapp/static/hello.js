// Says hello on /static-demo.
document.getElementById("say-hello").addEventListener("click", () => {
  document.getElementById("hello").textContent = "Hello from static/hello.js!";
});
