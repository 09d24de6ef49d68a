"""Score sheets, JSON as the stages keep it -> console tables and the HTML page, from one sheet."""
