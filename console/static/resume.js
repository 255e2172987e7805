// The form that was kept over the login goes back to its page by itself.
document.getElementById("resume").submit();
