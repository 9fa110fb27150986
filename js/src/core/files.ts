/** Hands the browser a file to save. */
export function saveFile(name: string, text: string, type = 'application/json'): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun to read it by the next turn; sooner, some have not.
  setTimeout(() => {
    URL.revokeObjectURL(url);
  });
}
